#!/usr/bin/env bash
# A job on SLURM: Ray starts on all nodes, the command runs on the first, and Ray ends with it.
#
#     sbatch slurm.sh '/scratch/films/**/*.mp4' -o /scratch/masks
#
# Nodes see inputs and results under the same paths. The same command again goes on where it was broken off.
# Nodes are not shared: where Ray ends, it ends all that is Ray's and yours there.
#SBATCH --job-name=dpa
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=08:00:00
#SBATCH --requeue
# For GPUs: #SBATCH --gpus-per-node=1, and --num-gpus "$SLURM_GPUS_ON_NODE" below.
set -euo pipefail

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
  ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" -- \
  dpa segment "$@" --engine ray --address auto
