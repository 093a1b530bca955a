//! The JSON API of the console and the command line, health and metrics.
