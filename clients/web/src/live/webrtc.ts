// One peer connection: the microphone goes, pictures and sound come, and all candidates are in the offer.

const GATHERING_LIMIT_MS = 1000;
const GRACE_MS = 2500;

export interface WebRtcEvents {
  stream(stream: MediaStream): void;
  connected(): void;
  /** It was up and is no longer, or will never be. */
  lost(): void;
}

export class WebRtcLink {
  readonly #peer = new RTCPeerConnection();
  readonly #sender: RTCRtpSender;
  readonly #abort = new AbortController();
  readonly #events: WebRtcEvents;
  #grace = 0;

  constructor(microphone: MediaStreamTrack | null, events: WebRtcEvents) {
    this.#events = events;
    const stream = new MediaStream();
    this.#sender = this.#peer.addTransceiver(microphone ?? "audio", { direction: "sendrecv" }).sender;
    this.#peer.addTransceiver("video", { direction: "recvonly" });
    this.#peer.ontrack = ({ track }) => {
      stream.addTrack(track);
      if (stream.getTracks().length === 2) events.stream(stream);
    };
    this.#peer.onconnectionstatechange = () => this.#changed();
  }

  get connected(): boolean {
    return this.#peer.connectionState === "connected";
  }

  /** `answer` takes the offer to the server. */
  async connect(answer: (sdp: string, signal: AbortSignal) => Promise<RTCSessionDescriptionInit>): Promise<void> {
    await this.#peer.setLocalDescription();
    await gathered(this.#peer);
    const sdp = this.#peer.localDescription?.sdp ?? "";
    await this.#peer.setRemoteDescription(await answer(sdp, this.#abort.signal));
  }

  async useMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.#sender.replaceTrack(track);
  }

  /** How late pictures are shown, in ms: half a round trip, waiting and decoding. Null before the first. */
  async late_ms(): Promise<number | null> {
    let wait_ms: number | null = null;
    let trip_ms = 0;
    const stats = await this.#peer.getStats();
    stats.forEach((entry: Record<string, unknown>) => {
      if (entry["type"] === "candidate-pair" && entry["nominated"] === true) {
        trip_ms = 1000 * Number(entry["currentRoundTripTime"] ?? 0);
      }
      const emitted = Number(entry["jitterBufferEmittedCount"] ?? 0);
      if (entry["type"] === "inbound-rtp" && entry["kind"] === "video" && emitted > 0) {
        const decode_s = Number(entry["totalDecodeTime"] ?? 0) / Math.max(1, Number(entry["framesDecoded"]));
        wait_ms = 1000 * (Number(entry["jitterBufferDelay"]) / emitted + decode_s);
      }
    });
    return wait_ms === null ? null : wait_ms + trip_ms / 2;
  }

  close(): void {
    clearTimeout(this.#grace);
    this.#abort.abort();
    this.#peer.onconnectionstatechange = null;
    this.#peer.ontrack = null;
    this.#peer.close();
  }

  #changed(): void {
    clearTimeout(this.#grace);
    const state = this.#peer.connectionState;
    if (state === "connected") this.#events.connected();
    else if (state === "failed") this.#events.lost();
    // It may come back by itself.
    else if (state === "disconnected") this.#grace = window.setTimeout(() => this.#events.lost(), GRACE_MS);
  }
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, GATHERING_LIMIT_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(limit);
      resolve();
    });
  });
}
