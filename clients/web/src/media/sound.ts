// The page's one audio graph: the character's voice goes to a meter, to recordings, and to the loudspeaker.

const RATE_HZ = 48_000;
const MODULES = { player: PLAYER, microphone: MICROPHONE };

export class Sound {
  readonly context: AudioContext;
  /** What the character says, from whichever transport. */
  readonly voice: GainNode;
  readonly meter: Meter;
  readonly recorded: MediaStreamAudioDestinationNode;
  #modules = new Map<string, Promise<void>>();

  /** Inside a gesture, or the browser keeps it silent. */
  constructor() {
    this.context = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    this.voice = this.context.createGain();
    this.meter = new Meter(this.context, this.voice);
    this.recorded = this.context.createMediaStreamDestination();
    this.voice.connect(this.recorded);
    void this.context.resume();
  }

  get outputLatency_s(): number {
    // Safari knows neither.
    return (this.context.outputLatency || 0) + (this.context.baseLatency || 0);
  }

  async worklet(name: keyof typeof MODULES): Promise<AudioWorkletNode> {
    let module = this.#modules.get(name);
    if (!module) {
      module = this.context.audioWorklet.addModule(MODULES[name]);
      this.#modules.set(name, module);
    }
    await module;
    return new AudioWorkletNode(this.context, name, { numberOfInputs: name === "player" ? 0 : 1 });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

const FLOOR_DB = -50;

/** How loud a node is, 0 to 1, on the ear's scale. */
export class Meter {
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(context: AudioContext, source: AudioNode) {
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    source.connect(this.#analyser);
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let power = 0;
    for (const sample of this.#samples) power += sample * sample;
    const db = 10 * Math.log10(power / this.#samples.length + 1e-10);
    return Math.max(0, Math.min(1, 1 - (db + 10) / (FLOOR_DB + 10)));
  }
}
