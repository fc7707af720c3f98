//! The three resources of Tidemill as types.
