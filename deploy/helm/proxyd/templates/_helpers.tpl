{{- define "proxyd.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "proxyd.labels" -}}
app.kubernetes.io/name: proxyd
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "proxyd.selector" -}}
app.kubernetes.io/name: proxyd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "proxyd.serviceAccount" -}}
{{- default (include "proxyd.name" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "proxyd.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- /* What a schema of single values cannot see. */ -}}
{{- define "proxyd.check" -}}
{{- $drain := max (int .Values.drainTimeoutSeconds) (int .Values.tunnelDrainTimeoutSeconds) -}}
{{- $stops := add (int .Values.shutdownDelaySeconds) $drain -}}
{{- if ge (int $stops) (int .Values.terminationGracePeriodSeconds) -}}
{{- fail (printf "shutdownDelaySeconds and the longest drain timeout take %d s: terminationGracePeriodSeconds must be more, and is %d" (int $stops) (int .Values.terminationGracePeriodSeconds)) -}}
{{- end -}}
{{- if and (eq .Values.service.type "None") (not .Values.hostNetwork) -}}
{{- fail "service.type None needs hostNetwork: nothing would lead to the Pods" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (eq .Values.kind "DaemonSet") -}}
{{- fail "autoscaling.enabled has no meaning for a DaemonSet" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and .Values.rbac.secrets.clusterWide .Values.rbac.secrets.namespaces -}}
{{- fail "rbac.secrets: clusterWide and namespaces exclude each other" -}}
{{- end -}}
{{- if eq .Values.mode "deployments" -}}
{{- if or (not .Values.link.controllerSecretName) (not .Values.link.dataPlaneSecretName) -}}
{{- fail "mode deployments needs link.controllerSecretName and link.dataPlaneSecretName: the link is never without mutual TLS" -}}
{{- end -}}
{{- if or (not .Values.link.controllerPeers) (not .Values.link.dataPlanePeers) -}}
{{- fail "mode deployments needs link.controllerPeers (names of data planes) and link.dataPlanePeers (names of controllers)" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Nothing beyond what Pod security "restricted" allows, but for the one capability of hostNetwork. */ -}}
{{- define "proxyd.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "proxyd.placement" -}}
{{- if .root.Values.topologySpread }}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "proxyd.selector" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ $.component }}
{{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The container that talks to the API server. */ -}}
{{- define "proxyd.controller" -}}
{{- $v := .Values -}}
- name: controller
  image: {{ include "proxyd.image" . }}
  imagePullPolicy: {{ $v.image.pullPolicy }}
  args:
    - controller
    - --in-cluster
    {{- if eq $v.mode "containers" }}
    - --listen=unix:/run/proxyd/link.sock
    {{- else }}
    - --listen={{ .Values.listenAddress }}:{{ $v.link.port }}
    - --link-cert=/etc/proxyd/link/tls.crt
    - --link-key=/etc/proxyd/link/tls.key
    - --link-ca=/etc/proxyd/link/ca.crt
    - --link-peers={{ join "," $v.link.controllerPeers }}
    - --probe-address={{ .Values.listenAddress }}:{{ $v.probePort }}
    {{- end }}
    - --http={{ .Values.listenAddress }}:{{ $v.hostNetwork | ternary 80 (int $v.ports.http) }}
    - --https={{ .Values.listenAddress }}:{{ $v.hostNetwork | ternary 443 (int $v.ports.https) }}
    - --controller-name={{ $v.controllerName }}
    - --election-id={{ include "proxyd.name" . }}-leader
    - --election-namespace={{ .Release.Namespace }}
    {{- if ne $v.service.type "None" }}
    - --publish-service={{ .Release.Namespace }}/{{ include "proxyd.name" . }}
    {{- end }}
    {{- range $v.controller.args }}
    - {{ . | quote }}
    {{- end }}
  {{- if eq $v.mode "deployments" }}
  ports:
    - {name: link, containerPort: {{ $v.link.port }}}
    - {name: probe, containerPort: {{ $v.probePort }}}
  livenessProbe:
    httpGet: {path: /healthz, port: probe}
  readinessProbe:
    httpGet: {path: /readyz, port: probe}
  {{- end }}
  securityContext:
    {{- include "proxyd.security" . | nindent 4 }}
  resources:
    {{- toYaml $v.controller.resources | nindent 4 }}
  volumeMounts:
    - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
    {{- if eq $v.mode "containers" }}
    - {name: link, mountPath: /run/proxyd}
    {{- else }}
    - {name: link-certificate, mountPath: /etc/proxyd/link, readOnly: true}
    {{- end }}
{{- end -}}

{{- /* The service account's token, as the kubelet would mount it; in no container but the controller's. */ -}}
{{- define "proxyd.tokenVolume" -}}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
      - downwardAPI:
          items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end -}}

{{- define "proxyd.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}
