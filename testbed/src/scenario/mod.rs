//! YAML text → [`model::Scenario`], every mistake with its place. Pure: files come in as text.

pub mod model;
pub mod twin;
