"""Twin of a KMS: the transit secrets engine of HashiCorp Vault (and OpenBao)."""
