"""MTN MoMo: Collection and Disbursement in Uganda, Rwanda and MTN's own sandbox."""
