select reference_mark from gateway.verification where payment_id = $1
