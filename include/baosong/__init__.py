"""Baosong (报送): collects, checks, answers, archives and consolidates what prefectures submit after a campaign."""
