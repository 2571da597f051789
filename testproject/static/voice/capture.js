// In the audio's own thread: collects what the microphone gives into frames.

class Capture extends AudioWorkletProcessor {
  #frame;
  #filled = 0;

  constructor({ processorOptions }) {
    super();
    this.#frame = new Float32Array(processorOptions.frame);
  }

  process([[samples]]) {
    for (const sample of samples ?? []) {
      this.#frame[this.#filled++] = sample;
      if (this.#filled === this.#frame.length) {
        this.port.postMessage(this.#frame.slice());
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
