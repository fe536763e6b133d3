"""Made-up submissions for the demonstration and the tests."""
