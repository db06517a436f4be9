"""What the rails of M-Pesa in several countries have in common."""
