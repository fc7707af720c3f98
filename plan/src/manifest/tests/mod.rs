#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

mod broken;
mod formats;
mod whole;
