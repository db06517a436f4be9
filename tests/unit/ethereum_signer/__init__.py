"""Tests of the part of the signer that signs ether."""
