"""Everything of Baosong that knows Airflow: the trigger, the partitions, the tasks and the board."""
