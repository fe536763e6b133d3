"""Everything of Baosong that knows Airflow: the doorbell, the partitions, the tasks and the board."""
