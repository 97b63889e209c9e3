//! How many different visitors: an exact list while it is short, a HyperLogLog after that.
