"""What a visitor sees and hears of the real server, over real WebRTC on this machine."""
