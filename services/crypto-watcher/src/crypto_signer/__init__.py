"""The process that holds the wallet's keys and signs withdrawals; nobody can call it."""
