//! `tidemill`: run, validate and look into pipelines from the command line.

fn main() {}
