// Package config reads the YAML file and the environment, and returns validated settings. It reports every fault at
// once, each with its line or variable and the valid values. It must not start anything.
//
// # Where a setting comes from
//
// The first of these that sets a key wins:
//
//  1. a flag of the command line, such as --log-level
//  2. the variable DLQDESK_ + the path of the key in capitals, with __ between levels, as in
//     DLQDESK_SOURCES__GENESYS__TIMEOUT
//  3. its common variable: SQS_DLQ_URL for queue.dlq_url, AWS_REGION for queue.region, PORT for the port of listen (the
//     host is that of the file, or else every address). An empty common variable is ignored.
//  4. the file
//  5. the default
//
// A list in a variable is separated by commas. A hyphen in the name of a source is an underscore in a variable, so
// genesys-eu is GENESYS_EU there. Two sources whose names differ only in - and _ are refused. A source can come from
// variables alone; its name is then in lower case.
//
// Other variables that begin with DLQDESK_ are faults, except DLQDESK_CONFIG, DLQDESK_URL and DLQDESK_TOKEN, which
// commands read, and those that Kubernetes sets for services whose name begins with dlqdesk.
//
// Config.Values has every key with its value and where that comes from. Config.Changes compares two configurations, and
// NeedsRestart says which keys a running program cannot take over.
package config
