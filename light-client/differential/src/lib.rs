//! Tests only: what is here is held against what others have made of the same specifications.
