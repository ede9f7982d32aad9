//! (judgement, plan) → text, JSON, JUnit, HTML. Pure rendering.
