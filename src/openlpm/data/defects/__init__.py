"""Defects that are planted into clean clips on purpose, so that filters can be measured."""
