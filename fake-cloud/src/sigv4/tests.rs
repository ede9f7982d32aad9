//! Signatures made by the SDK's own signer, then checked, and spoiled in one way each.
