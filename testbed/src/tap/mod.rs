//! Captures: frames → packet numbers, conversations, sightings of probes.
