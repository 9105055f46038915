"""Transports: the web page with WebRTC and sockets, files and streams; touches no tensor."""
