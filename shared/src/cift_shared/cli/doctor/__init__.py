"""`cift doctor`: check everything that a deployment needs, and say what to repair."""

from cift_shared.cli.doctor.command import doctor

__all__ = ["doctor"]
