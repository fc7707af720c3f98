//! TLS for what is asked by HTTP.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the provider of cryptography. HTTP clients cannot be made before that; a second call does nothing.
pub fn provide() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been quicker, with the same one.
        let _ = ring::default_provider().install_default();
    }
}
