// Package config reads the YAML file and the environment, and returns validated settings. It reports every fault at
// once, each with its line or variable and the valid values. It must not start anything.
//
// # Where a setting comes from
//
// The first of these that sets a key wins:
//
//  1. the variable DLQDESK_ + the path of the key in capitals, with __ between levels, as in
//     DLQDESK_SOURCES__GENESYS__TIMEOUT
//  2. its common variable: SQS_DLQ_URL for queue.dlq_url, AWS_REGION for queue.region, PORT for the port of listen (the
//     host stays that of the file, or 127.0.0.1). An empty common variable is ignored.
//  3. the file
//  4. the default
//
// A list in a variable is separated by commas. A hyphen in the name of a source is an underscore in a variable, so
// genesys-eu is GENESYS_EU there. Two sources whose names differ only in - and _ are refused. A source can come from
// variables alone; its name is then in lower case.
//
// Other variables that begin with DLQDESK_ (DLQDESK_CONFIG, or those that Kubernetes sets for a service named dlqdesk)
// are ignored, unless they contain a __ or are misspelt keys.
package config
