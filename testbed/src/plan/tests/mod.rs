//! Whole plans: what is derived, what is refused, what a reader sees.

mod alive;
mod derived;
mod frames;
mod hops;
mod legs;
mod matrix;
mod negatives;
mod opened;
mod random;
mod refused;
mod rendered;
mod served;
mod streams;
