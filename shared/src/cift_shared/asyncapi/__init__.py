"""The AsyncAPI document of the topics, with examples."""
