"""Requests into replies, kept in a ledger: the third stage."""
