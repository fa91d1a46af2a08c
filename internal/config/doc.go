// Package config turns the YAML file and the environment into validated settings. It reports every fault at once,
// each with the line or the variable that it comes from and what would be right, and it starts nothing: what a
// setting does is its user's to know.
//
// # Where a setting comes from
//
// The first of these that sets a key wins:
//
//  1. the variable DLQDESK_ + the path of the key in capitals, with __ between levels: DLQDESK_SOURCES__GENESYS__TIMEOUT
//  2. its classic name, where it has one: SQS_DLQ_URL for queue.dlq_url, AWS_REGION for queue.region, PORT for the port of listen
//     (its host stays that of the file, or 127.0.0.1). An empty classic variable is as good as none.
//  3. the file
//  4. the default
//
// A list in a variable is separated by commas. A hyphen in the name of a source is an underscore in a variable, so
// genesys-eu is GENESYS_EU there; two sources whose names differ in nothing else are refused. A source that the file
// does not have can come from variables alone; its name is then read in lower case.
//
// Other variables that begin with DLQDESK_ (DLQDESK_CONFIG, or what Kubernetes sets for a service named dlqdesk) are
// left alone, unless they hold a __ or are so close to the name of a key that they can only be meant as one.
package config
