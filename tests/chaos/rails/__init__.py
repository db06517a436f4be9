"""What customers of each rail do, one file a rail: `TRAFFIC` in the module with the rail's name."""
