//! What is told and what is not, look by look.
