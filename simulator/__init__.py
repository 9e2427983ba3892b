"""A simulator of the Azure OpenAI Realtime API: both dialects over a real websocket, and no model behind it."""

from simulator.faults import Faults
from simulator.handshake import Handshake
from simulator.server import Simulator

__all__ = ["Faults", "Handshake", "Simulator"]
