// Runs a seccomp filter as the kernel does (bpf_prog_run of kernel/bpf/core.c, after
// seccomp_check_filter): what a simulated process is answered, and what tests compare by.

import {
  AND,
  ARCHITECTURE_AT,
  INSTRUCTION_BYTES,
  JUMP,
  JUMP_AT_LEAST,
  JUMP_EQUAL,
  JUMP_GREATER,
  LOAD,
  NUMBER_AT,
  RETURN,
} from "./assembly.ts";

/** struct seccomp_data without the instruction pointer. */
export interface SystemCall {
  /** AUDIT_ARCH_* */
  readonly audit: number;
  readonly number: number;
  /** Six; those left out are 0. */
  readonly arguments: readonly bigint[];
}

const DATA_BYTES = 64;
/** BPF_JMP | BPF_JSET | BPF_K: others' compilers use it. */
const JUMP_SET = 0x45;

function dataOf({ audit, number, arguments: values }: SystemCall): DataView {
  const view = new DataView(new ArrayBuffer(DATA_BYTES));
  view.setUint32(NUMBER_AT, number >>> 0, true);
  view.setUint32(ARCHITECTURE_AT, audit >>> 0, true);
  values.forEach((value, i) => {
    view.setBigUint64(16 + 8 * i, BigInt.asUintN(64, value), true);
  });
  return view;
}

/**
 * What the filter returns, SECCOMP_RET_* with its data.
 * @throws RangeError for an instruction that the kernel would not have taken, or no end
 */
export function evaluateFilter(filter: Uint8Array, call: SystemCall): number {
  const code = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const data = dataOf(call);
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += INSTRUCTION_BYTES) {
    const k = code.getUint32(at + 4, true);
    const jump = (holds: boolean): void => {
      at += code.getUint8(at + (holds ? 2 : 3)) * INSTRUCTION_BYTES;
    };
    switch (code.getUint16(at, true)) {
      case LOAD:
        accumulator = data.getUint32(k, true);
        break;
      case AND:
        accumulator = (accumulator & k) >>> 0;
        break;
      case JUMP:
        at += k * INSTRUCTION_BYTES;
        break;
      case JUMP_EQUAL:
        jump(accumulator === k);
        break;
      case JUMP_GREATER:
        jump(accumulator > k);
        break;
      case JUMP_AT_LEAST:
        jump(accumulator >= k);
        break;
      case JUMP_SET:
        jump((accumulator & k) !== 0);
        break;
      case RETURN:
        return k;
      default:
        throw new RangeError(`no instruction of seccomp: ${code.getUint16(at, true)}`);
    }
  }
  throw new RangeError("the filter does not return");
}
