//! Pulls video from cameras and talks to the cloud.
