"""Cards through Stripe, described for the rest of the platform; without Stripe's library."""
