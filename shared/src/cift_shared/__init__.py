"""What every CIFT Payments service shares; services meet here and on topics, nowhere else."""
