"""A campaign: the notice as data, validated when it is loaded."""

from baosong.campaign.loader import CampaignError, Campaigns, load_campaign
from baosong.campaign.model import Campaign, Deliverable, PhotoProfile, Prefecture, Recipient, VideoProfile, Window

__all__ = [
    "Campaign",
    "CampaignError",
    "Campaigns",
    "Deliverable",
    "PhotoProfile",
    "Prefecture",
    "Recipient",
    "VideoProfile",
    "Window",
    "load_campaign",
]
