"""Payment rails: what each payment method can do, and how its provider's statements are read."""
