//! One HTTP exchange in, one CloudTrail event record out.
