// Sound: from the microphone or a recording into frames of PCM16, and from frames into the speaker.

export const RATE = 16000; // of what we send
const FRAME = RATE / 10; // samples
const SILENCE_SECONDS = 0.9; // after speech, it is over

/** Loudness between 0 and 1, of samples between -1 and 1. */
function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

function toPCM(samples) {
  const pcm = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, index) => {
    pcm.setInt16(2 * index, Math.max(-1, Math.min(1, sample)) * 32767, true);
  });
  return pcm.buffer;
}

function fromPCM(buffer) {
  const pcm = new DataView(buffer);
  return Float32Array.from({ length: buffer.byteLength >> 1 }, (_, index) => {
    return pcm.getInt16(2 * index, true) / 32768;
  });
}

/** Tells when somebody who has spoken is silent: by what is louder than the room. */
class Endpoint {
  #room = 1;
  #spoken = 0;
  #silent = 0;

  isOver(level) {
    const seconds = FRAME / RATE;
    this.#room = Math.min(this.#room * 1.02, Math.max(level, 0.001));
    const isSpeech = level > Math.max(0.012, 3 * this.#room);
    this.#spoken += isSpeech ? seconds : 0;
    this.#silent = isSpeech ? 0 : this.#silent + seconds;
    return this.#spoken >= 0.2 && this.#silent >= SILENCE_SECONDS;
  }
}

/** Hear the microphone until it is stopped; `onFrame` gets PCM and its loudness. */
export async function openMicrophone({ onFrame, onSilence }) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("This page has no microphone: open it on https, or on localhost.");
  }
  const asked = { channelCount: 1, echoCancellation: true, noiseSuppression: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: asked });
  const context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
  const node = new AudioWorkletNode(context, "capture", {
    numberOfOutputs: 0,
    processorOptions: { frame: FRAME },
  });
  const endpoint = new Endpoint();
  let isOpen = true;
  node.port.onmessage = ({ data }) => {
    if (!isOpen) return;
    const level = loudness(data);
    onFrame(toPCM(data), level);
    if (endpoint.isOver(level)) onSilence();
  };
  context.createMediaStreamSource(stream).connect(node);
  return () => {
    isOpen = false;
    for (const track of stream.getTracks()) track.stop();
    context.close();
  };
}

/** Play a recording, and give its frames as if somebody said it just now. */
export async function openRecording(url, { onFrame, onSilence }) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The sample is not there (${response.status}).`);
  const context = new AudioContext({ sampleRate: RATE });
  const sound = await context.decodeAudioData(await response.arrayBuffer());
  const samples = sound.getChannelData(0);
  const source = new AudioBufferSourceNode(context, { buffer: sound });
  source.connect(context.destination);
  source.start();
  let sent = 0;
  // By the clock, and not by a frame for each tick: timers are late.
  const begun = performance.now();
  const timer = setInterval(() => {
    const due = Math.min(samples.length, ((performance.now() - begun) / 1000) * RATE);
    while (sent < due && (due - sent >= FRAME || due === samples.length)) {
      const frame = samples.subarray(sent, sent + FRAME);
      sent += frame.length;
      onFrame(toPCM(frame), loudness(frame));
    }
    if (sent === samples.length) onSilence();
  }, 20);
  return () => {
    clearInterval(timer);
    if (sent < samples.length) source.stop();
    setTimeout(() => context.close(), 1000); // what is still to be heard of its end
  };
}

/** Plays frames one after the other, without a gap, from the moment in which they come. */
export class Player {
  #context = null;
  #analyser = null;
  #until = 0;
  #sources = new Set();

  /** Call it from a click: browsers let a page be heard only after one. */
  unlock() {
    this.#context ??= new AudioContext();
    this.#context.resume();
    if (this.#analyser) return;
    this.#analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#analyser.connect(this.#context.destination);
  }

  play(buffer, rate) {
    if (!buffer.byteLength) return;
    this.unlock();
    const samples = fromPCM(buffer);
    const sound = new AudioBuffer({ length: samples.length, sampleRate: rate });
    sound.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.#context, { buffer: sound });
    source.connect(this.#analyser);
    // A little later than now: what is played at once begins with a click.
    this.#until = Math.max(this.#until, this.#context.currentTime + 0.06);
    source.start(this.#until);
    this.#until += sound.duration;
    this.#sources.add(source);
    source.onended = () => this.#sources.delete(source);
  }

  get isPlaying() {
    return this.#context !== null && this.#until > this.#context.currentTime;
  }

  get level() {
    if (!this.isPlaying) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return loudness(samples);
  }

  stop() {
    for (const source of this.#sources) source.stop();
    this.#sources.clear();
    this.#until = 0;
  }
}
