//! The demo's Kubernetes API over real sockets: what any client of the true one relies on.
//! The objects are the tests' own, in a namespace of their own, so that the story may be any.

mod access;
mod faults;
mod lab;
mod lists;
mod load;
mod objects;
mod watches;
