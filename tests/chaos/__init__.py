"""Crash schedules: real processes, real faults, an independent checker."""
