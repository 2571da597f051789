// How loud it is, over the last seconds: a row of bars, of which the newest is on the right.

const STEP = 9; // pixels from one bar to the next
const MILLISECONDS = 60; // of a bar
const MOST = 200;

export class Level {
  #canvas;
  #read;
  #levels = new Array(MOST).fill(0);
  #at = 0;
  #isShown = false;

  constructor(canvas, read) {
    this.#canvas = canvas;
    this.#read = read;
  }

  /** Draw from now on. */
  show() {
    if (this.#isShown) return;
    this.#isShown = true;
    requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now) {
    if (now - this.#at >= MILLISECONDS) {
      this.#at = now;
      this.#levels.push(Math.min(1, this.#read() * 4));
      this.#levels.shift();
      this.#draw();
    }
    requestAnimationFrame((next) => this.#tick(next));
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const pen = this.#canvas.getContext("2d");
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = height * devicePixelRatio;
    pen.scale(devicePixelRatio, devicePixelRatio);
    pen.fillStyle = getComputedStyle(this.#canvas).color;
    this.#levels.slice(-Math.floor(width / STEP)).forEach((level, index) => {
      const bar = Math.max(3, level ** 0.7 * height);
      pen.globalAlpha = level > 0.01 ? 1 : 0.25;
      pen.beginPath();
      pen.roundRect(index * STEP + STEP / 4, (height - bar) / 2, STEP / 2, bar, STEP / 4);
      pen.fill();
    });
  }
}
