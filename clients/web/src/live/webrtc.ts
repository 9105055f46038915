// One peer connection: the microphone goes, pictures and sound come, and all candidates are in the offer.

const GATHERING_LIMIT_MS = 1000;
const GRACE_MS = 2500;
const LONGEST_WAIT_MS = 500;

export interface WebRtcEvents {
  stream(stream: MediaStream): void;
  connected(): void;
  /** It was up and is no longer, or will never be. */
  lost(): void;
}

/** Summed over all pictures so far. */
interface Waited {
  pictures: number;
  wait_s: number;
}

export class WebRtcLink {
  readonly #peer = new RTCPeerConnection();
  readonly #sender: RTCRtpSender;
  readonly #pictures: RTCRtpReceiver;
  readonly #abort = new AbortController();
  readonly #events: WebRtcEvents;
  #grace = 0;
  #waited: Waited = { pictures: 0, wait_s: 0 };

  constructor(microphone: MediaStreamTrack | null, events: WebRtcEvents) {
    this.#events = events;
    const stream = new MediaStream();
    this.#sender = this.#peer.addTransceiver(microphone ?? "audio", { direction: "sendrecv" }).sender;
    this.#pictures = this.#peer.addTransceiver("video", { direction: "recvonly" }).receiver;
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

  /** How late pictures are shown since the last call, in ms: half a round trip, waiting and decoding. Null if none came. */
  async late_ms(): Promise<number | null> {
    const stats = await this.#peer.getStats();
    let trip_s = 0;
    let now: Waited | null = null;
    stats.forEach((entry: Record<string, unknown>) => {
      const read = (name: string): number => Number(entry[name] ?? 0);
      if (entry["type"] === "candidate-pair" && entry["nominated"] === true) trip_s = read("currentRoundTripTime");
      if (entry["type"] !== "inbound-rtp") return;
      if (entry["kind"] === "audio") this.#followSound(read("jitterBufferDelay") / read("jitterBufferEmittedCount"));
      else now = { pictures: read("jitterBufferEmittedCount"), wait_s: read("jitterBufferDelay") + read("totalDecodeTime") };
    });
    return now === null ? null : this.#since(now, trip_s);
  }

  close(): void {
    clearTimeout(this.#grace);
    this.#abort.abort();
    this.#peer.onconnectionstatechange = null;
    this.#peer.ontrack = null;
    this.#peer.close();
  }

  /** Browsers let sound wait longer than pictures, and are slow to let pictures wait for it. */
  #followSound(wait_s: number): void {
    if (!("jitterBufferTarget" in this.#pictures) || !Number.isFinite(wait_s)) return;
    this.#pictures.jitterBufferTarget = Math.min(LONGEST_WAIT_MS, 1000 * wait_s);
  }

  #since(now: Waited, trip_s: number): number | null {
    const { pictures, wait_s } = this.#waited;
    this.#waited = now;
    const count = now.pictures - pictures;
    return count > 0 ? 1000 * ((now.wait_s - wait_s) / count + trip_s / 2) : null;
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
