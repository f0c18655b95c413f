// The error of a step: what the operator reads, and what the retry policy of the job looks at.

export class StepError extends Error {
  constructor(code, message, { retryable = false, detail } = {}) {
    super(message);
    this.name = "StepError";
    Object.assign(this, { code, retryable, detail });
  }

  isA(code) {
    return this.code === code || this.code.startsWith(`${code}.`);
  }
}
