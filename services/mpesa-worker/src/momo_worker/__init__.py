"""MTN MoMo in Uganda and Rwanda: collections, payouts, refunds. One code, one unit per country."""
