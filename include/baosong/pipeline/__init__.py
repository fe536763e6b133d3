"""The pipeline: discover, check, archive, reply, completeness, manual review. One function per Airflow task."""
